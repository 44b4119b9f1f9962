#!/usr/bin/env bash
# submit.sh   submits a job for each album that waits and has none yet. Run it every minute, with the settings of the hosts; HOST is how
#             the host is called here (`dotnet /app/Host.dll`).
set -euo pipefail
waiting=$(${HOST:-dotnet /app/Host.dll} albums waiting)
jobs=0
for status in SUBMITTED PENDING RUNNABLE STARTING RUNNING; do
  jobs=$((jobs + $(aws batch list-jobs --job-queue albums --job-status "$status" --query 'length(jobSummaryList)' --output text)))
done
for ((; jobs < waiting; jobs++)); do
  aws batch submit-job --job-name album --job-queue albums --job-definition album --query jobId --output text
done
