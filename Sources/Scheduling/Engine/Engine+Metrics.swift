import AnabranchCore
import PipelineGraph

extension Engine {
    /// The coordinator in numbers. In time linear in workers, runs and attempts at workers.
    public func metrics() -> MetricsPage {
        MetricsPage(
            taskFamilies + runFamilies + workerFamilies + storeFamilies + [
                droppedFamily,
                MetricFamily(
                    "anabranch_lane_latency_seconds",
                    "From sending an attempt until its worker read it, of workers on the coordinator's host (one clock).",
                    tallies.laneLatency),
                MetricFamily(
                    "anabranch_task_seconds", "What the code of answered attempts took.", tallies.compute),
                MetricFamily(
                    "anabranch_attempts_sent_total", .counter, "Attempts sent to workers.",
                    scheduler.counters.dispatched + scheduler.counters.sentAhead),
                MetricFamily(
                    "anabranch_attempts_recalled_total", .counter,
                    "Attempts taken back from one worker's queue because another was idle.",
                    scheduler.counters.recalled),
                MetricFamily(
                    "anabranch_scheduler_inspections_total", .counter,
                    "Attempts looked at for whether they should be taken back.", scheduler.counters.inspected),
            ])
    }

    private var taskFamilies: [MetricFamily] {
        var queued = MetricFamily("anabranch_tasks_queued", .gauge, "Ready tasks that no worker has.")
        var running = MetricFamily(
            "anabranch_tasks_running", .gauge, "Tasks that workers have and have not answered, begun or not.")
        var ended = MetricFamily("anabranch_tasks_total", .counter, "Tasks that have ended for good.")
        var retries = MetricFamily(
            "anabranch_task_retries_total", .counter, "Tasks that were tried again, by what became of the attempt.")
        let ready = scheduler.readyByExecutor
        let placed = scheduler.placedByExecutor
        let offered = workers.values.flatMap(\.hello.executors)
        for executor in tallies.executors.union(ready.keys).union(placed.keys).union(offered).sorted() {
            queued.add(UInt64(ready[executor] ?? 0), ("executor", executor))
            running.add(UInt64(placed[executor] ?? 0), ("executor", executor))
        }
        for executor in (tallies.executors.sorted() + ["other"]) {
            let counts = Tallies.End.allCases.map { ($0, tallies.count(executor, $0)) }
            if executor == "other", counts.allSatisfy({ $0.1 == 0 }) { continue }
            for (end, count) in counts { ended.add(count, ("executor", executor), ("outcome", end.rawValue)) }
        }
        for cause in Tallies.Retry.allCases { retries.add(tallies.retries[cause] ?? 0, ("cause", cause.rawValue)) }
        let pending = sessions.values.reduce(0) { $0 + $1.ready.count }
        return [
            queued, running, ended, retries,
            MetricFamily(
                "anabranch_calls_pending", .gauge,
                "Calls of sessions that can run and that the scheduler has not asked for yet.", UInt64(pending)),
            MetricFamily(
                "anabranch_tasks_awaiting_room", .gauge, "Tasks that found the store full and wait for room.",
                UInt64(waiting.count)),
        ]
    }

    private var runFamilies: [MetricFamily] {
        var known = MetricFamily("anabranch_runs", .gauge, "Runs whose results have not been given up.")
        var ended = MetricFamily("anabranch_runs_total", .counter, "Runs that have ended.")
        let states: [(PipelineGraph.RunState, String)] = [
            (.running, "running"), (.succeeded, "succeeded"), (.failed, "failed"), (.cancelled, "cancelled"),
        ]
        for (state, name) in states {
            known.add(UInt64(runs.values.count { $0.state == state }), ("state", name))
            if state.isFinal { ended.add(tallies.runs[state] ?? 0, ("state", name)) }
        }
        return [
            known, ended,
            MetricFamily("anabranch_sessions", .gauge, "Open sessions of calls.", UInt64(sessions.count)),
            MetricFamily("anabranch_clients", .gauge, "Clients that are connected.", UInt64(clients.count)),
        ]
    }

    private var workerFamilies: [MetricFamily] {
        var states = MetricFamily("anabranch_workers", .gauge, "Workers that are known.")
        let statuses = workers.values.map(\.status)
        for state in [AnabranchCore.WorkerState.active, .draining, .lost, .left] {
            states.add(UInt64(statuses.count { $0.state == state }), ("state", state.rawValue))
        }
        let summaries = scheduler.workerSummaries.filter { $0.standing == .active }
        return [
            states,
            MetricFamily(
                "anabranch_slots", .gauge, "Slots of workers that take work.",
                summaries.reduce(0) { $0 + UInt64($1.slots) }),
            MetricFamily(
                "anabranch_slots_busy", .gauge, "Slots of workers that take work and have as much.",
                summaries.reduce(0) { $0 + UInt64($1.busySlots) }),
        ]
    }

    private var storeFamilies: [MetricFamily] {
        [
            MetricFamily(
                "anabranch_store_bytes", .gauge, "Bytes of objects that somebody needs, in all stores.",
                catalog.totalBytes),
            MetricFamily(
                "anabranch_store_budget_bytes", .gauge, "Bytes that the coordinator's store may take.",
                configuration.storeBudget),
            MetricFamily(
                "anabranch_store_objects", .gauge, "Objects that somebody needs.", UInt64(catalog.count)),
        ]
    }

    private var droppedFamily: MetricFamily {
        var dropped = MetricFamily(
            "anabranch_messages_dropped_total", .counter,
            "Messages that did not decode, were doubled, late or of another coordinator.")
        dropped.add(self.dropped, ("by", "coordinator"))
        dropped.add(tallies.droppedByWorkers, ("by", "worker"))
        return dropped
    }
}
