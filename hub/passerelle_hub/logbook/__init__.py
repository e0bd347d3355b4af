"""What the hub does with its log for others: answers, witnesses, search, export, guard of releases."""
