import AnabranchCore
import PipelineGraph
import Testing
import Wire

@Suite struct DecodingTests {
    private func error<Message: WireMessage>(of bytes: [UInt8], as type: Message.Type) -> WireError? {
        do {
            _ = try Message(decoding: bytes)
            return nil
        } catch {
            return error
        }
    }

    private func field<Message: WireMessage>(refusedIn message: Message) -> String? {
        if case .invalid(let field, _)? = error(of: message.encoded(), as: Message.self) { field } else { nil }
    }

    private func batch(of work: Work, key: Key = .empty, attempt: UInt32 = 1, run: UInt64 = 1) -> TaskBatch {
        let task = TaskAssignment(
            attempt: Attempt(task: TaskID(1), number: attempt), run: RunID(run), node: "n", key: key, work: work)
        return TaskBatch(epoch: Epoch(1), worker: WorkerID(1), tasks: [task])
    }

    private func split(_ reference: ObjectRef) -> Work {
        .split(SplitWork(splitter: reference, input: GoldenSamples.single(1), folds: true))
    }

    @Test func anotherVersionIsRefusedWithItsNumber() {
        var bytes = TaskBatch(epoch: Epoch(1), worker: WorkerID(1)).encoded()
        #expect(bytes[0...1] == [8, 1])
        bytes[1] = 2
        #expect(error(of: bytes, as: TaskBatch.self) == .version(found: 2))
        #expect(error(of: [], as: TaskBatch.self) == .version(found: 0))
    }

    @Test func everyTruncationOfABatchIsRefused() {
        let whole = GoldenSamples.taskBatch.encoded()
        for count in 1..<whole.count - 1 where (try? TaskBatch(decoding: Array(whole[..<count]))) != nil {
            // A cut between two fields leaves a shorter message that is sound.
            let decoded = try? TaskBatch(decoding: Array(whole[..<count]))
            #expect(decoded?.encoded() == Array(whole[..<count]), "cut at \(count)")
        }
    }

    @Test func anOversizedMessageIsRefusedUnread() {
        let bytes = [UInt8](repeating: 0, count: MessageLimit.data + 1)
        #expect(
            error(of: bytes, as: ResultBatch.self)
                == .oversized(message: "ResultBatch", bytes: bytes.count, limit: MessageLimit.data))
    }

    @Test func identifiersThatAreZeroAreRefused() {
        let work = split(GoldenSamples.inline(1))
        #expect(field(refusedIn: TaskBatch(epoch: Epoch(0), worker: WorkerID(1))) == "TaskBatch.epoch")
        #expect(field(refusedIn: TaskBatch(epoch: Epoch(1), worker: WorkerID(0))) == "TaskBatch.worker")
        #expect(field(refusedIn: batch(of: work, attempt: 0)) == "attempt")
        #expect(field(refusedIn: batch(of: work, run: 0)) == "Task.run")
        #expect(field(refusedIn: ToCoordinator(request: 1, body: .cancelRun(RunID(0)))) == "CancelRun.run")
        let unnamed = ObjectRef(
            id: ObjectID(writer: WriterID(0), sequence: 1), encoding: .tensor, length: 0, location: .inline([]))
        #expect(field(refusedIn: batch(of: split(unnamed))) == "ObjectRef.writer")
    }

    @Test(arguments: [
        (UInt64(10), Location.segment(1, offset: 1), "ObjectRef.offset"),
        (UInt64.max, Location.segment(1, offset: 64), "ObjectRef.offset"),
        (UInt64(10), Location.segment(1, offset: UInt64.max - 63), "ObjectRef.offset"),
        (UInt64(10), Location.inline([1, 2]), "ObjectRef.inline_bytes"),
        (UInt64(0), Location.segment(0, offset: 64), "ObjectRef.inline_bytes"),
    ])
    func aReferenceThatCannotBeIsRefused(length: UInt64, location: Location, field expected: String) {
        let reference = ObjectRef(
            id: GoldenSamples.object(1), encoding: .arrow, length: length, location: location)
        #expect(field(refusedIn: batch(of: split(reference))) == expected)
    }

    @Test func inlineBytesBesideASegmentAreRefused() throws {
        let reference = GoldenSamples.inline(1)
        let bytes = ToCoordinator(request: 1, body: .holdObjects([reference])).encoded()
        // The reference is the end of the message; field 5 (segment) = 1 is put behind it, and two lengths grow.
        var grown = bytes + [0x28, 1]
        for place in [6, 8] { grown[place] += 2 }
        #expect(error(of: bytes, as: ToCoordinator.self) == nil)
        guard case .invalid(let field, _)? = error(of: grown, as: ToCoordinator.self) else {
            Issue.record(
                "accepted, or refused as a whole: \(String(describing: error(of: grown, as: ToCoordinator.self)))")
            return
        }
        #expect(field == "ObjectRef.inline_bytes")
    }

    @Test func unsortedAndDoubledKeyPartsAreRefused() throws {
        let sorted = GoldenSamples.key
        let two = try #require(Key(sorted.parts.prefix(2)))
        let bytes = batch(of: split(GoldenSamples.inline(1)), key: two).encoded()
        let first = Array(try bytesOfPart(two.parts[0]))
        let second = Array(try bytesOfPart(two.parts[1]))
        let place = try #require(bytes.firstRange(of: first + second))
        var swapped = bytes
        swapped.replaceSubrange(place, with: second + first)
        if case .invalid(let field, _)? = error(of: swapped, as: TaskBatch.self) {
            #expect(field == "Key.parts")
        } else {
            Issue.record("unsorted parts were accepted")
        }
    }

    /// One part as it stands in a key: tag, length, body.
    private func bytesOfPart(_ part: Key.Part) throws -> ArraySlice<UInt8> {
        let key = try #require(Key([part]))
        let with = batch(of: split(GoldenSamples.inline(1)), key: key).encoded()
        let dimension = Array(part.dimension.owner.utf8)
        let owner = try #require(with.firstRange(of: dimension))
        // Before the owner: part tag and length, dimension tag and length, kind, owner tag and length.
        let start = owner.lowerBound - 8
        return with[start..<start + 2 + Int(with[start + 1])]
    }

    @Test func aWorkThatIsMissingIsRefused() {
        let task: [UInt8] = [8, 1, 16, 1, 24, 1]
        let bytes = TaskBatch(epoch: Epoch(1), worker: WorkerID(1)).encoded() + [0x22, UInt8(task.count)] + task
        #expect(error(of: bytes, as: TaskBatch.self) == .invalid(field: "Task.work", reason: "is missing"))
        #expect(
            error(of: [8, 1], as: ToCoordinator.self)
                == .invalid(field: "ToCoordinator.body", reason: "is missing"))
    }

    @Test func anUnknownEnumerationIsRefused() {
        let bytes = ToCoordinator(request: 0, body: .holdObjects([GoldenSamples.inSegment(1)])).encoded()
        // Encoding is field 3 of the reference.
        guard let place = bytes.firstRange(of: [0x18, 1, 0x20]) else {
            Issue.record("the encoding was not found")
            return
        }
        var changed = bytes
        changed[place.lowerBound + 1] = 9
        #expect(
            error(of: changed, as: ToCoordinator.self)
                == .invalid(field: "ObjectRef.encoding", reason: "has the unknown value 9"))
    }

    @Test func aTextWithANULIsRefusedAndSentAsItsPicture() throws {
        let sent = ToCoordinator(request: 0, body: .openSession(name: "a\0b")).encoded()
        #expect(try ToCoordinator(decoding: sent).body == .openSession(name: "a\u{2400}b"))
        let plain = ToCoordinator(request: 0, body: .openSession(name: "axb")).encoded()
        let changed = plain.map { $0 == UInt8(ascii: "x") ? 0 : $0 }
        #expect(
            error(of: changed, as: ToCoordinator.self)
                == .invalid(field: "OpenSession.name", reason: "has a NUL in it"))
        let broken = plain.map { $0 == UInt8(ascii: "x") ? 0xFF : $0 }
        #expect(
            error(of: broken, as: ToCoordinator.self)
                == .invalid(field: "OpenSession.name", reason: "is not UTF-8"))
    }

    @Test func anEdgeBeyondTheNodesIsRefused() {
        var submission = GoldenSamples.submission
        submission.request.graph.edges = [Edge(source: NodeIndex(0), target: NodeIndex(2))]
        #expect(field(refusedIn: ToCoordinator(request: 1, body: .submitRun(submission))) == "Edge.target")
        submission.request.graph.edges = []
        submission.request.inputs[NodeIndex(9)] = []
        #expect(field(refusedIn: ToCoordinator(request: 1, body: .submitRun(submission))) == "NodeInputs.node")
    }

    @Test func aFloodOfEmptyMembersIsRefusedForItsMemory() {
        // Two bytes each, 24 and more in memory: an attack on the receiver's memory, not a message.
        let flood = [UInt8](repeating: 0, count: 2 << 20).enumerated().map { $0.offset % 2 == 0 ? UInt8(0x22) : 0 }
        let bytes = TaskBatch(epoch: Epoch(1), worker: WorkerID(1)).encoded() + flood
        #expect(error(of: bytes, as: TaskBatch.self) == .undecodable(message: "TaskBatch", bytes: bytes.count))
    }
}
