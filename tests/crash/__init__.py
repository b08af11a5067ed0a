"""Real processes killed with `kill -9` at random instants, and the count of what that did."""
