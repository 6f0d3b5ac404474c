import AnabranchCore
import Foundation
import Logging
import Wire

/// The runtimes of all slots: starts them, reads and writes their sockets, reports what happened as events.
///
/// Used by the worker's loop thread only.
final class Runtimes {
    /// What the loop learns from one slot's descriptors.
    struct Notices {
        var events: [WorkerEvent] = []
        var released: [HeldReleased] = []
        var logs: [SlotLog] = []
        var closedWriters: [WriterID] = []

        /// A later result has views of these again. The coordinator takes a batch's results before its releases, so a
        /// release from before that result must not stand in the same batch.
        mutating func reopened(_ objects: [ObjectID], by holder: WriterID) {
            if released.isEmpty || objects.isEmpty { return }
            for index in released.indices where released[index].holder == holder {
                released[index].objects.removeAll { objects.contains($0) }
            }
        }
    }

    /// Output of one task that is passed on; more is kept out of the log, not out of the error's tail.
    static let outputLimit = 1 << 20

    let configuration: WorkerConfiguration
    let store: String
    let nursery: Nursery
    var processes: [SlotIndex: RuntimeProcess] = [:]
    /// What each runtime was last seen to have begun.
    var begun: [SlotIndex: TaskID] = [:]
    /// What each runtime works on, for the log.
    var current: [SlotIndex: TaskID] = [:]
    /// Runtimes that have been asked to give tasks back, and have not been seen since they were sent it all.
    var withdrawing: Set<SlotIndex> = []

    init(_ configuration: WorkerConfiguration, store: String, log: Logger) {
        self.configuration = configuration
        self.store = store
        nursery = Nursery(
            interpreter: configuration.python, environment: ProcessInfo.processInfo.environment,
            threads: configuration.threads, path: configuration.systemPath,
            engineArguments: configuration.engineArguments, log: log)
    }

    /// - Returns: failures of tasks that are too large to be sent.
    func send(_ slot: SlotIndex, _ tasks: [TaskAssignment]) -> [TaskResult] {
        guard let process = processes[slot] else { return [] }
        if current[slot] == nil {
            current[slot] = tasks.first?.attempt.task
            process.beginTask()
        }
        do {
            try process.send(ToRuntime(tasks: tasks))
            return []
        } catch {
            // Together they may be too large though each came in a message of the same limit.
            if tasks.count > 1 { return tasks.flatMap { send(slot, [$0]) } }
            let reason = "\(error); put large arguments into the store and pass their references"
            return tasks.map { task in
                TaskResult(attempt: task.attempt, outcome: .failure(Failure(kind: .invalid, message: reason)))
            }
        }
    }

    func withdraw(_ slot: SlotIndex, _ attempts: [Attempt]) {
        guard let process = processes[slot] else { return }
        withdrawing.insert(slot)
        tell(process, ToRuntime(cancels: attempts))
    }

    /// A runtime announces a task before it looks at its socket for the last time, and only then begins it. So what it has
    /// announced once the withdrawal stands in its socket is the last that it begins without having seen it.
    func withdrawalsDelivered() -> [WorkerEvent] {
        if withdrawing.isEmpty { return [] }
        return withdrawing.sorted().compactMap { slot in
            guard let process = processes[slot] else {
                withdrawing.remove(slot)
                return nil
            }
            guard !process.wantsToWrite else { return nil }
            withdrawing.remove(slot)
            if let task = process.running { begun[slot] = task }
            return .runtimeWithdrew(slot, begun: process.running)
        }
    }

    private func tell(_ process: RuntimeProcess, _ message: ToRuntime) {
        do { try process.send(message) } catch { process.kill() }
    }

    /// Tells the runtimes which of their regions may be used again; returns what is none of theirs.
    func release(_ objects: [ObjectID]) -> [ObjectID] {
        let owned = Dictionary(grouping: objects) { $0.writer }
        var others = objects
        for process in processes.values {
            guard let mine = owned[process.writer] else { continue }
            tell(process, ToRuntime(releases: mine))
            others.removeAll { $0.writer == process.writer }
        }
        return others
    }

    /// What the runtimes have begun since the last look.
    func lookAtProgress() -> [WorkerEvent] {
        processes.compactMap { slot, process in
            guard let task = process.running, begun.updateValue(task, forKey: slot) != task else { return nil }
            return .runtimeBegan(slot, task)
        }
    }

    /// Reads the slot's socket.
    func serve(_ slot: SlotIndex, into notices: inout Notices) {
        guard let process = processes[slot] else { return }
        process.flush()
        var messages: [FromRuntime] = []
        let isOpen = process.receive(into: &messages)
        var results: [TaskResult] = []
        for message in messages {
            if let hello = message.hello, !welcome(hello, slot, into: &notices) { return }
            if let started = message.started { begin(slot, started.task) }
            if let attempt = message.waiting { notices.events.append(.runtimeWaits(slot, attempt)) }
            if let attempt = message.resumed { notices.events.append(.runtimeResumed(slot, attempt)) }
            results.append(contentsOf: message.results)
            nursery.want(message.loaded)
            for result in message.results { notices.reopened(result.held, by: process.writer) }
            if !message.released.isEmpty {
                notices.released.append(HeldReleased(holder: process.writer, objects: message.released))
            }
        }
        if !results.isEmpty {
            // What is printed from here on belongs to a later task.
            passOutput(slot, process, into: &notices)
            current[slot] = nil
            if let running = process.running, running != results.last?.attempt.task {
                // It was asked for these: the last lines are of the one that runs.
                current[slot] = running
            } else {
                process.beginTask()
            }
            notices.events.append(.runtimeAnswered(slot, results))
        }
        if !isOpen { end(slot, process, into: &notices) }
    }

    /// The slot's process has ended; its last answers may still be in the socket.
    func serveExit(_ slot: SlotIndex, into notices: inout Notices) {
        serve(slot, into: &notices)
        if let process = processes[slot] { end(slot, process, into: &notices) }
    }

    /// False when the runtime is of another version: it is ended.
    private func welcome(_ hello: RuntimeHello, _ slot: SlotIndex, into notices: inout Notices) -> Bool {
        let found = hello.versions.protocolVersion
        if found == ProtocolVersion.current {
            notices.events.append(.runtimeReady(slot))
            return true
        }
        if let process = processes.removeValue(forKey: slot) { notices.closedWriters.append(process.writer) }
        current[slot] = nil
        notices.events.append(
            .runtimeUnstartable(
                slot,
                reason: "\(configuration.python) has anabranch \(hello.versions.anabranch), which speaks protocol "
                    + "\(found); "
                    + "this worker is \(configuration.version) and speaks \(ProtocolVersion.current): "
                    + "install the same version"))
        return false
    }

    /// Reads the slot's standard output or error.
    func serveOutput(_ slot: SlotIndex, into notices: inout Notices) {
        guard let process = processes[slot] else { return }
        passOutput(slot, process, into: &notices)
    }

    private func begin(_ slot: SlotIndex, _ task: TaskID) {
        guard current[slot] != task else { return }
        current[slot] = task
        processes[slot]?.beginTask()
    }

    private func passOutput(_ slot: SlotIndex, _ process: RuntimeProcess, into notices: inout Notices) {
        // A task that was sent while the answer of the one before was on its way has said only itself that it has begun.
        let task = current[slot] ?? process.running
        for errorStream in [false, true] {
            process.drain(errorStream: errorStream, limit: Self.outputLimit) { text in
                notices.logs.append(SlotLog(task: task, text: text, isErrorStream: errorStream))
            }
        }
    }

    /// The conversation is over: the process is, or is made, dead.
    private func end(_ slot: SlotIndex, _ process: RuntimeProcess, into notices: inout Notices) {
        process.closeSocket()
        // The end of its socket may be seen a moment before its exit.
        var exit = process.reap(blocking: false) ?? process.reapWithin(milliseconds: 200)
        if exit == nil {
            process.kill()
            exit = process.reap(blocking: true)
            exit?.lostItsSocket = true
        }
        if process.isGarbled {
            exit?.lostItsSocket = true
            exit?.wroteGarbage = true
        }
        passOutput(slot, process, into: &notices)
        if let task = process.running { notices.events.append(.runtimeBegan(slot, task)) }
        processes[slot] = nil
        current[slot] = nil
        nursery.leftovers.sweep()
        notices.closedWriters.append(process.writer)
        if var exit {
            exit.outputTail = process.tail.text
            notices.events.append(.runtimeExited(slot, exit))
        }
    }
}
