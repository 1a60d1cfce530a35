"""Black boxes: what a simulator may be, the jobs that run it, the processes that they run in."""
