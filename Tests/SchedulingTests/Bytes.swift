import AnabranchCore

/// Stands for the store's bytes: what each object says, as text that tells how it was made.
final class Bytes {
    private(set) var texts: [ObjectID: String] = [:]
    private var sequences: [WriterID: UInt64] = [:]
    /// Objects that were released; releasing one twice, or reading it, is an error.
    private(set) var released: Set<ObjectID> = []
    private(set) var mistakes: [String] = []
    /// Where a message may have been lost, its releases are said again.
    var forgiveDoubledReleases = false

    /// The segment that each writer writes to now.
    private var segments: [WriterID: UInt32] = [:]
    private var places: [ObjectID: UInt32] = [:]

    /// Somebody removes the segment that `writer` writes to: what stands there is gone, and it begins another.
    func loseSegment(of writer: WriterID) { segments[writer, default: 1] += 1 }

    func isLost(_ reference: ObjectRef) -> Bool {
        guard let place = places[reference.id] else { return false }
        return place < segments[reference.id.writer, default: 1]
    }

    func write(_ text: String, by writer: WriterID) -> ObjectRef {
        let sequence = sequences[writer, default: 0] + 1
        sequences[writer] = sequence
        let id = ObjectID(writer: writer, sequence: sequence)
        texts[id] = text
        let segment = segments[writer, default: 1]
        places[id] = segment
        return ObjectRef(
            id: id, encoding: .pickle5, length: UInt64(text.utf8.count),
            location: .segment(segment, offset: sequence * 64))
    }

    func read(_ reference: ObjectRef) -> String {
        if released.contains(reference.id) { mistakes.append("\(reference.id) was read after its release") }
        return texts[reference.id] ?? ""
    }

    func read(_ data: Data) -> String {
        var parts: [String] = []
        data.forEachReference { parts.append(read($0)) }
        return parts.joined(separator: "|")
    }

    func read(_ input: Input) -> String {
        "[" + input.items.map { $0.map(read).joined(separator: ",") }.joined(separator: ";") + "]"
    }

    func release(_ id: ObjectID) {
        if !released.insert(id).inserted, !forgiveDoubledReleases { mistakes.append("\(id) was released twice") }
        if texts[id] == nil { mistakes.append("\(id) was released and never written") }
    }

    /// Objects that were written and never released.
    var unreleased: [String] {
        texts.filter { !released.contains($0.key) }.map { "\($0.key): \($0.value)" }.sorted()
    }
}
