"""Pure readers and writers of the APIs that models speak."""
