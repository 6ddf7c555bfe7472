#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the Grafana dashboards beside this file, or into the folder given as the argument."""

import json
import pathlib
import sys

WIDTH = 24  # Grafana's columns
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PAGES = [("fleet", "Fleet"), ("job", "Job"), ("learning", "Learning"),
         ("data-parallel", "Data parallel"), ("resilience", "Resilience"), ("hardware", "Hardware")]


def targets(queries, instant=False):
    made = []
    for number, (expr, legend) in enumerate(queries):
        target = {"datasource": SOURCE, "expr": expr, "legendFormat": legend,
                  "refId": chr(ord("A") + number)}
        if instant:
            target.update(instant=True, range=False, format="table")
        made.append(target)
    return made


def panel(kind, title, description, unit, queries, width, height, field=None, options=None):
    defaults = {"unit": unit}
    defaults.update(field or {})
    return {
        "type": kind, "title": title, "description": description, "datasource": SOURCE,
        "targets": targets(queries, instant=kind == "table"),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {}, "gridPos": {"x": 0, "y": 0, "w": width, "h": height},
    }


def graph(title, description, unit, *queries, width=8, low=None, high=None):
    field = {"custom": {"lineWidth": 1, "fillOpacity": 0, "showPoints": "never",
                        "stacking": {"mode": "none"}}}
    if low is not None:
        field["min"] = low
    if high is not None:
        field["max"] = high
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                          "calcs": []},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, unit, queries, width, 8, field, options)


def number(title, description, unit, *queries, width=4):
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
               "colorMode": "none", "graphMode": "area", "textMode": "auto"}
    return panel("stat", title, description, unit, queries, width, 4, None, options)


def table(title, description, unit, *queries, width=12):
    made = panel("table", title, description, unit, queries, width, 8,
                 None, {"showHeader": True})
    made["transformations"] = [{"id": "organize", "options": {
        "excludeByName": {"Time": True, "__name__": True, "instance": True}}}]
    return made


def with_job_link(made):
    made["fieldConfig"]["overrides"] = [{
        "matcher": {"id": "byName", "options": "job"},
        "properties": [{"id": "links", "value": [{
            "title": "This job", "url": "/d/hebb-job?var-job=${__value.text}"}]}]}]
    return made


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": 0, "w": WIDTH, "h": 1}}


def lay_out(panels):
    """Left to right, in lines as high as their highest panel; a row begins a line."""
    x = y = height = 0
    for identity, made in enumerate(panels, start=1):
        grid = made["gridPos"]
        if made["type"] == "row" or x + grid["w"] > WIDTH:
            x, y, height = 0, y + height, 0
        grid["x"], grid["y"] = x, y
        x, height = x + grid["w"], max(height, grid["h"])
        made["id"] = identity
    return panels


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1, "multi": True,
            "includeAll": True, "allValue": ".+",
            "current": {"text": ["All"], "value": ["$__all"]}, "options": []}


DATASOURCE = {"name": "datasource", "label": "Data source", "type": "datasource",
              "query": "prometheus", "current": {"text": "Prometheus", "value": "hebb-prometheus"},
              "options": [], "multi": False, "includeAll": False}
JOB = variable("job", "Job", "label_values(hebb_job_info, job)")
LAYER = variable("layer", "Layer", 'label_values(hebb_layer_update_norm{job=~"$job"}, layer)')
WORKER = variable("worker", "Worker", "label_values(hebb_worker_attached, worker)")
JOBS_WORKER = variable("worker", "Worker", 'label_values(hebb_worker_job_info{job=~"$job"}, worker)')


def dashboard(slug, title, description, variables, panels):
    links = [{"title": other, "type": "link", "url": f"/d/hebb-{page}", "icon": "dashboard",
              "tooltip": f"Hebb: {other}", "keepTime": True, "includeVars": True,
              "targetBlank": False, "asDropdown": False, "tags": []}
             for page, other in PAGES if page != slug]
    return {
        "uid": f"hebb-{slug}", "title": f"Hebb: {title}", "description": description,
        "tags": ["hebb"], "schemaVersion": 39, "version": 1, "editable": False,
        "timezone": "browser", "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
        "graphTooltip": 1, "links": links, "annotations": {"list": [{
            "name": "Alerts", "datasource": SOURCE, "enable": True, "iconColor": "orange",
            "target": {"datasource": SOURCE, "legendFormat": "{{alertname}}", "refId": "Alerts",
                       "expr": 'ALERTS{alertname=~"Hebb.*", alertstate="firing"}'}}]},
        "templating": {"list": [DATASOURCE, *variables]}, "panels": lay_out(panels),
    }


def rate(metric, selector=""):
    return f"rate({metric}{selector}[$__rate_interval])"


def quantile(q, metric, by, selector=""):
    return (f"histogram_quantile({q}, sum by ({by}, le) "
            f"({rate(metric + '_bucket', selector)}))").replace("(, le)", "(le)")


def fleet():
    return dashboard("fleet", "Fleet", "What the cluster does: jobs, workers, the queue, the API.", [], [
        number("Running", "Jobs that train now.", "short", ('sum(hebb_jobs{state="RUNNING"})', "")),
        number("Queued", "Jobs that wait for workers.", "short",
               ('sum(hebb_jobs{state="QUEUED"})', "")),
        number("Failed", "Jobs in the store that FAILED.", "short",
               ('sum(hebb_jobs{state="FAILED"})', "")),
        number("Busy workers", "Share of the attached workers that train.", "percentunit",
               ('sum(hebb_workers{state="busy"}) / sum(hebb_workers)', "")),
        number("Longest wait", "How long the job has waited that was queued first; empty when none is.",
               "s", ("max(time() - hebb_queue_oldest_timestamp_seconds)", "")),
        number("Store", "1 while the coordinator can read its job store.", "short",
               ("min(hebb_store_up)", "")),
        row("Jobs and workers"),
        graph("Jobs by state", "Ended jobs are counted until they are archived.", "short",
              ("sum by (state) (hebb_jobs)", "{{state}}"), low=0),
        graph("Workers by state", "silent: attached, but no heartbeat in time.", "short",
              ("sum by (state) (hebb_workers)", "{{state}}"), low=0),
        graph("Attempts ended", "By outcome; lost ones resume from a checkpoint.", "cps",
              (f"sum by (outcome) ({rate('hebb_attempts_ended_total')})", "{{outcome}}"), low=0),
        row("Queue"),
        graph("Why jobs wait", "Queued jobs by the reason the scheduler gives.", "short",
              ("sum by (reason) (hebb_jobs_waiting)", "{{reason}}"), low=0),
        graph("Decisions", "Starts, preemptions, and jobs that wait for another reason than before.",
              "cps", (f"sum by (decision) ({rate('hebb_scheduler_decisions_total')})", "{{decision}}"),
              low=0),
        graph("Wait before the first attempt", "From submission to start, of jobs that started then.",
              "s", (quantile(0.5, "hebb_job_queue_wait_seconds", ""), "median"),
              (quantile(0.9, "hebb_job_queue_wait_seconds", ""), "90 %"), low=0),
        row("API and store"),
        graph("Calls", "gRPC calls that ended, by method.", "reqps",
              (f"sum by (method) ({rate('hebb_rpc_requests_total')})", "{{method}}"), low=0),
        graph("Calls by code", "All codes; OK is the good one.", "reqps",
              (f"sum by (code) ({rate('hebb_rpc_requests_total')})", "{{code}}"), low=0),
        graph("Duration of calls, 99 %", "Of a stream, how long it was open.", "s",
              (quantile(0.99, "hebb_rpc_duration_seconds", "method"), "{{method}}"), low=0),
        graph("Store, 99 %", "A write ends when it is durable.", "s",
              (quantile(0.99, "hebb_store_duration_seconds", "operation"), "{{operation}}"), low=0),
        with_job_link(table("Jobs", "Those that live or ended in the last five minutes.", "short",
                            ("hebb_job_state", ""), width=16)),
        row("Builds"),
        table("Builds", "Programs and versions that are scraped.", "short",
              ("count by (program, version) (hebb_build_info)", ""), width=12),
    ])


def job():
    mine = '{job=~"$job"}'
    return dashboard("job", "Job", "One job's progress and what it reaches.", [JOB], [
        number("Progress", "Steps done of all.", "percentunit",
               (f"hebb_job_step{mine} / hebb_job_total_steps{mine}", "{{name}}"), width=6),
        number("Time left", "At the pace of the last minutes; empty while no step is made.", "s",
               (f"(hebb_job_total_steps{mine} - hebb_job_step{mine}) / "
                f"(deriv(hebb_job_step{mine}[$__rate_interval]) > 0)", "{{name}}"), width=6),
        number("Epoch", "Epochs completed.", "short", (f"hebb_job_epoch{mine}", "{{name}}"), width=6),
        number("Speed", "Images trained per second of step time.", "short",
               (f"hebb_job_images_per_second{mine}", "{{name}}"), width=6),
        row("Learning curves"),
        graph("Loss", "Mean over the epoch so far.", "short",
              (f"hebb_job_train_loss{mine}", "{{name}} {{job}}")),
        graph("Accuracy", "Training (so far in the epoch), validation, test.", "percentunit",
              (f"hebb_job_train_accuracy{mine}", "train {{job}}"),
              (f"hebb_job_validation_accuracy{mine}", "validation {{job}}"),
              (f"hebb_job_test_accuracy{mine}", "test {{job}}"), low=0, high=1),
        graph("Alignment", "Mean over the layers of the cosine between W and R.", "short",
              (f"avg by (job) (hebb_layer_alignment_cosine{mine})", "{{job}}"), low=-1, high=1),
        row("Progress"),
        graph("Steps", "Completed; a resumed attempt may go back.", "short",
              (f"hebb_job_step{mine}", "{{name}} {{job}}"), low=0),
        graph("Images per second", "Trained images over step time, last attempt.", "short",
              (f"hebb_job_images_per_second{mine}", "{{name}} {{job}}"), low=0),
        graph("Age of the last checkpoint", "What is lost if its whole gang is.", "s",
              (f"time() - hebb_checkpoint_last_success_timestamp_seconds{mine}", "{{name}} {{job}}"),
              low=0),
        row("What it is"),
        table("Job", "What it trains.", "short", (f"hebb_job_info{mine}", "")),
        table("State", "The state it is in.", "short", (f"hebb_job_state{mine}", "")),
        graph("Size of a checkpoint", "Of the last one.", "bytes",
              (f"hebb_checkpoint_size_bytes{mine}", "{{name}} {{job}}"), low=0),
        graph("Each rank's loss", "As its worker says: all ranks of a gang must agree.", "short",
              (f"hebb_worker_train_loss{mine}", "{{worker}}")),
        graph("Each rank's accuracy", "Training so far in the epoch, and validation after the last.",
              "percentunit", (f"hebb_worker_train_accuracy_ratio{mine}", "train {{worker}}"),
              (f"hebb_worker_validation_accuracy_ratio{mine}", "validation {{worker}}"),
              low=0, high=1),
    ])


def learning():
    mine = '{job=~"$job", layer=~"$layer"}'
    return dashboard("learning", "Learning", "How feedback and forward weights come to agree, layer by layer.",
                     [JOB, LAYER], [
        graph("Alignment of W and R", "Cosine between a layer's forward and feedback weights: 1 is "
              "backpropagation's feedback, 0 is random.", "short",
              (f"hebb_layer_alignment_cosine{mine}", "{{layer}} {{job}}"), width=12, low=-1, high=1),
        graph("Angle to the gradient", "Between the error that the rule sends to a layer and the true "
              "gradient; below 90 degrees it helps.", "degree",
              (f"hebb_layer_error_angle_degrees{mine}", "{{layer}} {{job}}"), width=12, low=0,
              high=180),
        row("Updates"),
        graph("Updates of W", "Norm of the last step's update, times the rate.", "short",
              ('hebb_layer_update_norm{job=~"$job", layer=~"$layer", matrix="forward"}',
               "{{layer}} {{job}}"), width=12, low=0),
        graph("Updates of R", "The same of the feedback weights; 0 where they are fixed.", "short",
              ('hebb_layer_update_norm{job=~"$job", layer=~"$layer", matrix="feedback"}',
               "{{layer}} {{job}}"), width=12, low=0),
        row("Units"),
        graph("Saturated units", "Share whose slope is below 1 % of the activation's largest.",
              "percentunit", (f"hebb_layer_saturated_ratio{mine}", "{{layer}} {{job}}"), width=12,
              low=0, high=1),
        graph("Silent units", "Share that put out exactly 0.", "percentunit",
              (f"hebb_layer_sparsity_ratio{mine}", "{{layer}} {{job}}"), width=12, low=0, high=1),
        row("What comes of it"),
        graph("Loss", "Mean over the epoch so far.", "short",
              ('hebb_job_train_loss{job=~"$job"}', "{{name}} {{job}}"), width=12),
        graph("Accuracy", "On the validation records.", "percentunit",
              ('hebb_job_validation_accuracy{job=~"$job"}', "{{name}} {{job}}"), width=12, low=0,
              high=1),
    ])


def data_parallel():
    mine = '{worker=~"$worker"}'
    phase = "hebb_worker_step_duration_seconds"
    per_step = (f"sum by (phase) ({rate(phase + '_sum', mine)}) / "
                f"sum by (phase) ({rate(phase + '_count', mine)})")
    own = '{worker=~"$worker", phase=~"data|forward|backward"}'
    return dashboard("data-parallel", "Data parallel",
                     "Where the time of a step goes, and who holds up the gang.", [JOB, JOBS_WORKER], [
        graph("Phases of a step", "Mean time per step over the chosen workers: data, forward, "
              "backward, wait (for slower workers), sum (the rest of the stand for sums), update.",
              "s", (per_step, "{{phase}}"), width=12, low=0),
        graph("Stragglers", "A worker's own time for a step over its gang's mean; the gang waits for "
              "who is above 1.", "short",
              ('hebb_worker_straggler_ratio{job=~"$job", worker=~"$worker"}', "{{worker}}"),
              width=12, low=0),
        row("Workers"),
        graph("Own time of a step", "Data, forward and backward, by worker.", "s",
              (f"sum by (worker) ({rate(phase + '_sum', own)}) / "
               f"sum by (worker) ({rate('hebb_worker_steps_total', mine)})", "{{worker}}"), low=0),
        graph("Wait for others", "Share of its time that a worker stands for slower ones.",
              "percentunit",
              ("sum by (worker) (" + rate(phase + "_sum", '{worker=~"$worker", phase="wait"}') + ")",
               "{{worker}}"), low=0),
        graph("Steps", "Completed per second, by worker.", "ops",
              (f"sum by (worker) ({rate('hebb_worker_steps_total', mine)})", "{{worker}}"), low=0),
        graph("Images", "Each worker's share of the batches, per second.", "ops",
              (f"sum by (worker) ({rate('hebb_worker_images_total', mine)})", "{{worker}}"), low=0),
        graph("Images of the gang", "Trained images per second, as each rank counts them.", "short",
              ('hebb_worker_images_per_second{job=~"$job", worker=~"$worker"}', "{{worker}}"), low=0),
        graph("Gang", "Workers in the job's gang.", "short",
              ('max by (job) (hebb_worker_gang_size{job=~"$job"})', "{{job}}"), low=0),
        row("Sums over the gang"),
        graph("Bandwidth", "Bytes summed per second of summing.", "Bps",
              (f"sum by (worker) ({rate('hebb_worker_allreduce_bytes_total', mine)}) / "
               f"sum by (worker) ({rate('hebb_worker_allreduce_seconds_total', mine)})",
               "{{worker}}"), low=0),
        graph("Communication", "Share of the time in which the communication thread sums, most of it "
              "beside the computing.", "percentunit",
              (f"sum by (worker) ({rate('hebb_worker_allreduce_seconds_total', mine)})",
               "{{worker}}"), low=0),
        graph("Bytes", "Summed per second.", "Bps",
              (f"sum by (worker) ({rate('hebb_worker_allreduce_bytes_total', mine)})",
               "{{worker}}"), low=0),
        graph("Steps of the job", "As each rank counts them: a gang keeps in step.", "short",
              ('hebb_worker_step{job=~"$job", worker=~"$worker"}', "{{worker}}"), low=0),
    ])


def resilience():
    mine = '{worker=~"$worker"}'
    return dashboard("resilience", "Resilience", "What failed, what it cost, and what is safe.", [WORKER], [
        graph("Last heartbeat", "How long ago each attached worker was heard of.", "s",
              ('time() - hebb_worker_heartbeat_timestamp_seconds{worker=~"$worker"}', "{{worker}}"),
              low=0),
        graph("Recoveries", "worker_lost: a gang went on without it; attempt_lost: resumed from a "
              "checkpoint.", "cps",
              (f"sum by (reason) ({rate('hebb_recoveries_total')})", "{{reason}}"), low=0),
        graph("Lost steps", "Completed steps that had to be done again.", "cps",
              (f"sum({rate('hebb_lost_steps_total')})", "steps"), low=0),
        graph("Generations", "Communicators formed; each change of a gang needs one.", "cps",
              (f"sum by (worker) ({rate('hebb_worker_generations_total', mine)})", "{{worker}}"),
              low=0),
        graph("Contact", "1 while a worker has contact to the coordinator.", "short",
              (f"hebb_worker_attached{mine}", "{{worker}}"), low=0, high=1),
        graph("Losses that are not finite", "Attempts that failed for that.", "cps",
              (f"sum({rate('hebb_worker_nonfinite_losses_total', mine)})", "attempts"), low=0),
        row("Checkpoints"),
        graph("Age of the last checkpoint", "By job.", "s",
              ("time() - hebb_checkpoint_last_success_timestamp_seconds", "{{name}} {{job}}"), low=0),
        graph("Saved and sent", "Checkpoints by outcome.", "cps",
              (f"sum by (outcome) ({rate('hebb_worker_checkpoint_saves_total', mine)})",
               "saved: {{outcome}}"),
              (f"sum by (outcome) ({rate('hebb_worker_checkpoint_uploads_total', mine)})",
               "sent: {{outcome}}"), low=0),
        graph("Time to save", "On the worker's disk, while the gang stands.", "s",
              (quantile(0.9, "hebb_worker_checkpoint_save_duration_seconds", "", mine), "90 %"),
              low=0),
        graph("Time to send", "To the coordinator, beside the training.", "s",
              (quantile(0.9, "hebb_worker_checkpoint_upload_duration_seconds", "", mine), "90 %"),
              low=0),
        graph("Free disk", "Of the state folder, and of the workers' folders for checkpoints.",
              "percentunit", ("hebb_disk_free_bytes / hebb_disk_size_bytes", "{{instance}}"),
              low=0, high=1),
        graph("Since its start", "How long each program runs.", "s",
              ("time() - process_start_time_seconds", "{{instance}}"), low=0),
    ])


def hardware():
    def dcgm(metric):
        # dcgm-exporter calls the machine Hostname; only machines that run the chosen workers.
        return (f'label_replace({metric}, "host", "$1", "Hostname", "(.+)") '
                'and on (host) hebb_worker_attached{worker=~"$worker"}')

    return dashboard("hardware", "Hardware", "What the programs take of their machines; GPUs from "
                     "NVIDIA's dcgm-exporter, where it runs.", [WORKER], [
        graph("Processor", "Cores that each program keeps busy.", "short",
              (rate("process_cpu_seconds_total"), "{{instance}}"), low=0),
        graph("Memory", "Resident.", "bytes", ("process_resident_memory_bytes", "{{instance}}"),
              low=0),
        graph("Open files", "Share of the limit, connections included.", "percentunit",
              ("process_open_fds / process_max_fds", "{{instance}}"), low=0, high=1),
        graph("Free disk", "Of the folder of each program.", "bytes",
              ("hebb_disk_free_bytes", "{{instance}}"), low=0),
        row("GPUs"),
        graph("GPU busy", "Share of the time in which a kernel ran.", "percent",
              (dcgm("DCGM_FI_DEV_GPU_UTIL"), "{{host}} {{gpu}}"), low=0, high=100),
        graph("GPU memory", "In use.", "decmbytes",
              (dcgm("DCGM_FI_DEV_FB_USED"), "{{host}} {{gpu}}"), low=0),
        graph("GPU memory of workers", "Free for a job, and what the last one has not given back.",
              "bytes",
              ('hebb_worker_device_memory_bytes{kind="free", worker=~"$worker"}',
               "{{worker}} free"),
              ('hebb_worker_device_memory_missing_bytes{worker=~"$worker"}', "{{worker}} missing"),
              low=0),
        graph("GPU power", "Drawn.", "watt",
              (dcgm("DCGM_FI_DEV_POWER_USAGE"), "{{host}} {{gpu}}"), low=0),
        graph("GPU temperature", "Of the chip.", "celsius",
              (dcgm("DCGM_FI_DEV_GPU_TEMP"), "{{host}} {{gpu}}"), low=0),
    ])


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for make in (fleet, job, learning, data_parallel, resilience, hardware):
        made = make()
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{made['uid'].removeprefix('hebb-')}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
