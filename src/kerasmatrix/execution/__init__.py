"""The execution of a plan: cache lookup, work queue, worker pool, evaluation."""
