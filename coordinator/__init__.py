"""A team of agents under one roof: voting, consensus, sessions."""
