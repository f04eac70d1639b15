"""What oned finds out by itself: the space of datastores, the state of hosts."""
