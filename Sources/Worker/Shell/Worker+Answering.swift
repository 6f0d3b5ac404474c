import AnabranchCore
import ObjectStore
import Wire

extension Worker {
    /// Sends what there is to say, and the heartbeat when it is due.
    func flush() throws {
        guard let welcome = coordination.welcome else { return }
        let now = MonotonicClock.now
        let beats = now >= nextHeartbeat
        guard beats || answer.due.map({ $0 <= now }) == true else { return }
        if beats && coordination.isStoreAbandoned {
            throw WorkerFailure.coordinatorEnded(address: configuration.address)
        }
        var heartbeat: Heartbeat?
        if beats {
            nextHeartbeat = now.advanced(byMicroseconds: min(welcome.heartbeatMilliseconds, 1 << 40) * 1_000)
            heartbeat = Heartbeat(
                running: machine.attempts, idleSlots: UInt32(max(0, machine.idleSlots)),
                droppedMessages: coordination.droppedMessages, lastBatch: coordination.lastBatch)
            // Said again: what is said once may be lost with a connection.
            answer.waiting = machine.waitingAttempts
            _ = try coordination.greet(at: now, writers: writers)
            nativeStore?.reader.sweep()
        }
        let batch = answer.batch(epoch: welcome.epoch, worker: welcome.worker, heartbeat: heartbeat)
        answer = Answer()
        try coordination.send(batch)
    }

    /// The result with what its timeline needs and only the worker knows.
    func stamped(_ result: TaskResult) -> TaskResult {
        guard let came = received.removeValue(forKey: result.attempt) else { return result }
        var result = result
        result.usage.receivedMicroseconds = came.microseconds
        if result.usage.startedMicroseconds > 0 {
            result.usage.queueMicroseconds = Moment(microseconds: result.usage.startedMicroseconds)
                .microseconds(since: came)
        }
        return result
    }

    /// All that write for this worker now.
    private var writers: [WriterID] {
        runtimes.processes.values.map(\.writer) + (nativeStore.map { [$0.writer.writer] } ?? [])
    }

    /// On the first native task: a worker that runs none writes nothing.
    func openNativeStore() {
        guard let welcome = coordination.welcome else { return }
        do {
            let writer = WriterID(UInt64.random(in: 1...UInt64(Int64.max)))
            let store = try NativeStore(
                directory: coordination.store, writer: writer, inlineThreshold: Int(clamping: welcome.inlineThreshold),
                budget: welcome.storeBudget)
            native.use(store)
            nativeStore = store
            answer.opened.append(writer)
        } catch {
            log.error("native functions have no store", metadata: ["reason": "\(error)"])
        }
    }
}
