"""One customer over many channels: links, merging and its undoing, what is known of them."""
