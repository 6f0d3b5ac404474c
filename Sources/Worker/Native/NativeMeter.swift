import AnabranchCore
import Synchronization

/// Bytes that one native call has read and written.
final class NativeMeter: Sendable {
    private let read = Atomic<UInt64>(0)
    private let written = Atomic<UInt64>(0)
    private let copied = Atomic<UInt64>(0)

    func countRead(_ bytes: UInt64) { read.wrappingAdd(bytes, ordering: .relaxed) }

    /// What is written into the store was computed or copied there once.
    func countWritten(_ bytes: UInt64) {
        written.wrappingAdd(bytes, ordering: .relaxed)
        copied.wrappingAdd(bytes, ordering: .relaxed)
    }

    /// Bytes copied within the call, besides those that were written.
    func countCopied(_ bytes: Int) { copied.wrappingAdd(UInt64(bytes), ordering: .relaxed) }

    func report(in usage: inout Usage) {
        usage.bytesIn = read.load(ordering: .relaxed)
        usage.bytesOut = written.load(ordering: .relaxed)
        usage.bytesCopied = copied.load(ordering: .relaxed)
    }
}
