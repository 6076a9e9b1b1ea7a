"""Layer 4: rooms that live. Turns room state into forwarding tables and messages, and events back."""
