"""Policy explained: `decision` says why something was decided, `foresight` what would be told to whom."""
