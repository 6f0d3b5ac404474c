import AnabranchCore
import Wire

extension ResultBatch {
    /// The batch as messages that the inbox takes; a larger one would cost the worker its connection.
    ///
    /// Almost always one message. An answer that is too large alone becomes a failure that says so.
    func pieces(limit: Int = MessageLimit.data) -> [[UInt8]] {
        let bytes = encoded()
        if bytes.count <= limit { return [bytes] }
        var (first, second) = (self, ResultBatch(epoch: epoch, worker: worker))
        if results.count > 1 || logs.count > 1 || !results.isEmpty && !logs.isEmpty { first.moveLast(to: &second) }
        if results.count > 1 {
            let middle = results.count / 2
            first.results = Array(results[..<middle])
            second.results = Array(results[middle...])
        } else if let result = results.first, logs.isEmpty {
            first.results = [result.refused(bytes: bytes.count, limit: limit)]
            return [first.encoded()]
        } else if logs.count > 1 || !results.isEmpty {
            let middle = results.isEmpty ? logs.count / 2 : 0
            first.logs = Array(logs[..<middle])
            second.logs = Array(logs[middle...])
        } else {
            // Nothing else that a worker says grows with what tasks do.
            first.logs = []
            return [first.encoded()]
        }
        return first.pieces(limit: limit) + second.pieces(limit: limit)
    }
}

extension ResultBatch {
    /// What holds once all results have been taken: a heartbeat that came before one of them would seem to have lost it.
    fileprivate mutating func moveLast(to other: inout ResultBatch) {
        (other.heartbeat, heartbeat) = (heartbeat, nil)
        (other.released, released) = (released, [])
        (other.writersClosed, writersClosed) = (writersClosed, [])
        (other.waiting, waiting) = (waiting, nil)
    }
}

extension TaskResult {
    fileprivate func refused(bytes: Int, limit: Int) -> TaskResult {
        let failure = Failure(
            kind: .unpicklable,
            message:
                "the task's answer takes \(bytes) bytes, over the limit of a message, \(limit) bytes (fixed); is its exception's "
                + "text that long? values and models do not count: they go through the store"
        )
        return TaskResult(attempt: attempt, outcome: .failure(failure), usage: usage, holder: holder, held: held)
    }
}
