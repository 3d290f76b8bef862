"""The sandbox's kinds of job. The only room of this floor that knows the job framework."""
