"""A session rebuilt from its journal, to go on with or to branch."""
