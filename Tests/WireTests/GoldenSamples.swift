import AnabranchCore
import PipelineGraph
import Wire

/// The values of `Golden/golden_*.py`, one for one.
enum GoldenSamples {
    static let writer = WriterID(0xA1B2_C3D4_E5F6_0718)
    static let epoch = Epoch(0x1122_3344_5566_7788)
    static let worker = WorkerID(3)
    static let attempt = Attempt(task: TaskID(6), number: 2)

    static func object(_ sequence: UInt64) -> ObjectID { ObjectID(writer: writer, sequence: sequence) }

    static func inSegment(_ sequence: UInt64) -> ObjectRef {
        ObjectRef(
            id: object(sequence), encoding: .tensor, length: 4096, location: .segment(3, offset: 64 * sequence))
    }

    static func inline(_ sequence: UInt64, _ bytes: [UInt8] = [0x80, 5, 0] + Array("abc".utf8)) -> ObjectRef {
        ObjectRef(id: object(sequence), encoding: .pickle5, length: UInt64(bytes.count), location: .inline(bytes))
    }

    static let fullData = Data(
        x: View(object: inSegment(1), rows: inline(2)), y: View(object: inSegment(3)),
        sampleWeight: View(object: inSegment(4)), groups: View(object: inSegment(5), rows: inSegment(6)),
        rowIDs: View(object: inSegment(7)), positions: inline(8))

    static func plainData(_ sequence: UInt64) -> Data { Data(x: View(object: inSegment(sequence))) }

    static let parts: [Key.Part] = [
        Key.Part(.data("carrier"), "Ærø"),
        Key.Part(.partition, 0),
        Key.Part(.fold("cv"), -1),
        Key.Part(.via(["scale", "minmax"]), ""),
    ]

    static let key = Key(parts) ?? .empty

    static func single(_ sequence: UInt64) -> Input { Input(form: .single, items: [[plainData(sequence)]]) }

    static let limits = Limits(timeoutMilliseconds: 1500, memoryBytes: 1 << 33, threads: 2)

    static let usage: Usage = {
        var usage = Usage()
        usage.queueMicroseconds = 1
        usage.openMicroseconds = 2
        usage.computeMicroseconds = 300
        usage.storeMicroseconds = 4
        usage.bytesIn = 5
        usage.bytesOut = 6
        usage.bytesCopied = 7
        usage.peakMemoryBytes = 8
        usage.readonlyRetries = 9
        usage.startedMicroseconds = 1 << 40
        usage.receivedMicroseconds = (1 << 40) - 10
        usage.dispatchedMicroseconds = (1 << 40) - 20
        usage.arrivedMicroseconds = (1 << 40) + 400
        usage.slot = 1
        usage.worker = worker
        return usage
    }()

    static let earlier = [EarlierAttempt(number: 1, kind: .killed, usage: usage)]

    static let failure = Failure(
        kind: .exception, type: "builtins.ValueError", message: "Input X contains NaN.",
        traceback: "File \"a.py\", line 1", outputTail: "last line\n", exception: inline(9), host: "node-1", slot: 1,
        peakMemoryBytes: 123_456_789, node: "tree", key: key, attempt: 2,
        lost: ObjectID(writer: WriterID(0x1F), sequence: 8))

    static let variant = Variant(list: inline(21), index: 3)

    static let versions = Versions(
        anabranch: "0.1.0", python: "3.11.2", cloudpickle: "3.1.0", numpy: "2.4.0", scikitLearn: "1.9.0")

    static let logs = [
        SlotLog(task: TaskID(5), text: "fitting…\n", isErrorStream: true, node: "tree", worker: WorkerID(2)),
        SlotLog(task: nil, text: "before any task\n", isErrorStream: false),
    ]
}
