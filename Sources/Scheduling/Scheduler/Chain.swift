import AnabranchCore
import DequeModule

/// Tasks at one worker of which each but the first waits for the one before it.
struct Chain: Sendable {
    let worker: WorkerID
    /// Of the first one's attempt. The others have been sent once.
    private(set) var number: UInt32
    /// The first runs, or waits for a slot; there is at least one behind it.
    private(set) var tasks: Deque<TaskID>
    /// What each of those behind the first is expected to take, in microseconds.
    private var expected: Deque<UInt64> = []
    /// Their sum.
    private(set) var expectedMicroseconds: UInt64 = 0

    init(worker: WorkerID, number: UInt32, first: TaskID) {
        self.worker = worker
        self.number = number
        tasks = [first]
    }

    mutating func append(_ task: TaskID, expected microseconds: UInt64) {
        tasks.append(task)
        expected.append(microseconds)
        expectedMicroseconds += microseconds
    }

    /// The first has ended: the next one takes its place.
    mutating func advance() {
        tasks.removeFirst()
        expectedMicroseconds -= expected.removeFirst()
        number = 1
    }

    mutating func removeLast() {
        tasks.removeLast()
        expectedMicroseconds -= expected.removeLast()
    }
}
