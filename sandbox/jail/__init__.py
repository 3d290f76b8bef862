"""The jail: every job from elsewhere, and every parser of hostile bytes, runs here. A missing layer is a refusal, never a weaker jail."""
