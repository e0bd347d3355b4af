"""The part of APScheduler 3.11 that the hub uses: schedulers, interval and cron triggers, job events."""
