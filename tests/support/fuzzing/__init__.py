"""Coverage-guided fuzzing (atheris) of whatever parses bytes from outside."""
