import AnabranchCore
import Wire
import Worker

/// A worker behind its lane, or behind a runtime that has gone mad: decoding, then the worker's machine. Beside it honest
/// tasks run.
struct WorkerTarget: ByteTarget {
    enum Source { case lane, runtime }

    private static let mad = SlotIndex(0)
    /// Honest tasks count from here.
    private static let honest: UInt64 = 1 << 50

    private let source: Source
    private let corpus: [[UInt8]]
    private let tasks: TaskBatch
    private let results: [TaskResult]
    private var machine = WorkerMachine(slots: 2, host: "here")
    private var now = Moment(microseconds: 1)
    private var taken = 0
    private var frames = FrameReader()
    /// What runtimes and native threads do next.
    private var due: [WorkerEvent] = []
    private var atMad: [Attempt] = []
    private var sent = honest
    private var waiting: Set<Attempt> = []
    private var hasLeft = false

    init(_ source: Source, _ corpus: Corpus) throws {
        self.source = source
        tasks = try TaskBatch(decoding: try corpus.messages("TaskBatch").max { $0.count < $1.count } ?? [])
        results = try ResultBatch(decoding: try corpus.messages("ResultBatch")[0]).results
        self.corpus = try corpus.messages(source == .lane ? "TaskBatch" : "FromRuntime").map {
            source == .lane ? $0 : try FromRuntime(decoding: $0).framed()
        }
    }

    func original(using random: inout SplitMix64) -> [UInt8] {
        if source == .runtime, !atMad.isEmpty, random.chance(0.6) {
            var result = results[random.integer(0...results.count - 1)]
            result.attempt = atMad[random.integer(0...atMad.count - 1)]
            let live = FromRuntime(results: [result], started: result.attempt)
            return (try? live.framed()) ?? corpus[0]
        }
        return corpus[random.integer(0...corpus.count - 1)]
    }

    mutating func take(_ message: [UInt8]) throws -> Bool {
        taken += 1
        now = now.advanced(byMicroseconds: 1_000)
        if taken.isMultiple(of: 20) { sendHonest() }
        if taken.isMultiple(of: 3) { step() }
        if hasLeft { throw ByteFailure("the worker left, and nobody had told it to") }
        return source == .lane ? read(lane: message) : read(runtime: message)
    }

    private mutating func read(lane message: [UInt8]) -> Bool {
        guard let batch = try? TaskBatch(decoding: message) else { return false }
        guard batch.epoch == tasks.epoch, batch.worker == tasks.worker else { return true }
        let cancels = batch.cancels.filter { $0.task.rawValue < Self.honest }
        if !cancels.isEmpty { handle(.cancelRequested(cancels)) }
        let new = batch.tasks.filter { $0.attempt.task.rawValue < Self.honest }
        if !new.isEmpty { handle(.tasksArrived(new)) }
        // A drain is obeyed: the worker would be gone, and this with it.
        return true
    }

    private mutating func read(runtime message: [UInt8]) -> Bool {
        message.withUnsafeBytes { frames.append($0) }
        var understood = false
        do throws(WireError) {
            while let message = try frames.next(as: FromRuntime.self) {
                understood = true
                if message.hello != nil { handle(.runtimeReady(Self.mad)) }
                if let started = message.started { handle(.runtimeBegan(Self.mad, started.task)) }
                if !message.results.isEmpty { handle(.runtimeAnswered(Self.mad, message.results)) }
            }
        } catch {
            endMad()
            return false
        }
        // Half a frame for ever is silence; the worker's own limits see to that.
        if taken.isMultiple(of: 50) { endMad() }
        return understood
    }

    private mutating func endMad() {
        frames = FrameReader()
        atMad = []
        handle(.runtimeExited(Self.mad, RuntimeExit(signal: 9, status: 0, lostItsSocket: true)))
    }

    mutating func end() throws {
        var left = 100_000
        while !(waiting.isEmpty && machine.attempts.isEmpty), left > 0 {
            left -= 1
            now = now.advanced(byMicroseconds: 10_000)
            if source == .runtime, left.isMultiple(of: 4) { endMad() }
            step()
        }
        guard waiting.isEmpty, machine.attempts.isEmpty else {
            throw ByteFailure(
                "\(waiting.count) honest tasks were not answered, \(machine.attempts.count) are still there")
        }
    }

    // MARK: - The worker

    private mutating func sendHonest() {
        sent += 1
        let nothing = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
        let isNative = sent.isMultiple(of: 4)
        let task = TaskAssignment(
            attempt: Attempt(task: TaskID(sent), number: 1), run: RunID(1), node: "honest",
            work: isNative
                ? .native(NativeWork(function: "noop")) : .call(CallWork(function: nothing, arguments: nothing)))
        waiting.insert(task.attempt)
        handle(.tasksArrived([task]))
    }

    /// Runtimes and threads do what they were last told.
    private mutating func step() {
        let events = due
        due = []
        for event in events { handle(event) }
        handle(.tick)
    }

    private mutating func handle(_ event: WorkerEvent) {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: now, effects: &effects)
        for effect in effects { perform(effect) }
    }

    private func done(_ tasks: [TaskAssignment]) -> [TaskResult] {
        tasks.map { TaskResult(attempt: $0.attempt, outcome: .success(Success())) }
    }

    private mutating func perform(_ effect: WorkerEffect) {
        switch effect {
        case .startRuntime(let slot):
            if slot == Self.mad { atMad = [] }
            due.append(.runtimeReady(slot))
        case .send(let slot, let tasks):
            if source == .runtime, slot == Self.mad {
                atMad += tasks.map(\.attempt)
            } else {
                due.append(.runtimeAnswered(slot, done(tasks)))
            }
        case .withdraw(let slot, _): due.append(.runtimeWithdrew(slot, begun: nil))
        case .runNative(let slot, let tasks): due.append(.nativeFinished(slot, done(tasks)))
        case .killRuntime(let slot): due.append(.runtimeExited(slot, RuntimeExit(signal: 9, status: 0)))
        case .report(let results): for result in results { waiting.remove(result.attempt) }
        case .loadEstimators, .askForAnswers, .reportStarted, .reportWaiting: break
        case .leave: hasLeft = true
        }
    }
}
