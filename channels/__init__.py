"""The two ends: one folder per platform, each translating a platform's words to ours and back."""
