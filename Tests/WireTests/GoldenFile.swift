import AnabranchCore
import Foundation
import Testing
import Wire

/// A committed example, as Python encoded it, and what Swift makes of it.
struct GoldenFile: Sendable, CustomTestStringConvertible {
    let name: String
    /// Swift's own bytes for the same value.
    let encoded: @Sendable () -> [UInt8]
    /// Decodes bytes as this file's type; true when the value is the sample.
    let decodesToSample: @Sendable ([UInt8]) throws(WireError) -> Bool

    init(_ name: String, _ sample: some WireMessage) {
        self.name = name
        encoded = { sample.encoded() }
        decodesToSample = { (bytes) throws(WireError) in try GoldenFile.decode(bytes, like: sample) }
    }

    private static func decode<Message: WireMessage>(
        _ bytes: [UInt8], like sample: Message
    ) throws(WireError) -> Bool {
        try Message(decoding: bytes) == sample
    }

    var testDescription: String { name }

    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    func committedBytes() throws -> [UInt8] {
        [UInt8](try Foundation.Data(contentsOf: GoldenFile.directory.appending(path: "\(name).bin")))
    }

    static let all: [GoldenFile] =
        [
            GoldenFile("TaskBatch", GoldenSamples.taskBatch),
            GoldenFile("TaskBatch.empty", TaskBatch(epoch: GoldenSamples.epoch, worker: GoldenSamples.worker)),
            GoldenFile("ResultBatch", GoldenSamples.resultBatch),
            GoldenFile("ToRuntime", GoldenSamples.toRuntime),
            GoldenFile("FromRuntime", GoldenSamples.fromRuntime),
        ]
        + GoldenSamples.toCoordinator.map { name, body in
            GoldenFile("ToCoordinator.\(name)", ToCoordinator(request: 77, body: body))
        }
        + GoldenSamples.fromCoordinator.map { name, body in
            GoldenFile("FromCoordinator.\(name)", FromCoordinator(request: 78, body: body))
        }
        + GoldenSamples.events.map { name, body in
            GoldenFile(
                "Event.\(name)",
                Event(epoch: GoldenSamples.epoch, unixMicroseconds: 1_700_000_000_000_000, body: body))
        }
}
