"""The commands of `ninewatch`, one file each."""
