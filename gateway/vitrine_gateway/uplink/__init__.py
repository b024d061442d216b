"""The gateway as a Sparkplug edge node whose records are kept until they are acknowledged."""
