import AnabranchCore
import Glibc
import Testing

@testable import ObjectStore

@Suite struct StandInTests {
    private static let text = "ABELSEWHERE\n1\n4096\nabc-0\n/tmp/nowhere/socket\nhost\n"

    private static func decoded(_ text: String) -> StandIn? {
        Array(text.utf8).withUnsafeBytes { StandIn(decoding: $0) }
    }

    @Test func itIsReadAsPythonWritesIt() throws {
        let standIn = try #require(Self.decoded(Self.text))
        #expect(standIn.encoding == .tensor && standIn.length == 4096 && standIn.token == "abc-0")
        #expect(standIn.address == "/tmp/nowhere/socket" && standIn.host == "host")
    }

    @Test(arguments: [
        "", "ABELSEWHERE\n", String(text.dropLast()), text + "\n", "X" + text,
        text.replacing("\n1\n", with: "\n4\n"), text.replacing("\n1\n", with: "\n9\n"),
        text.replacing("4096", with: "0"), text.replacing("4096", with: "-1"), text.replacing("abc-0", with: ""),
        text.replacing("host", with: String(repeating: "h", count: StandIn.longest)),
    ])
    func whatIsNoneIsRefused(text: String) {
        #expect(Self.decoded(text) == nil)
    }

    @Test func whatNobodyKeepsIsLost() throws {
        let bytes = Array(Self.text.utf8)
        let ref = ObjectRef(
            id: ObjectID(writer: WriterID(7), sequence: 1), encoding: .elsewhere, length: UInt64(bytes.count),
            location: .inline(bytes))
        let error = #expect(throws: StoreError.self) { try SegmentReader(directory: "/tmp").whole(ref) }
        #expect(error?.lostObject == ref.id)
        #expect(error?.description.contains("on host that kept it") == true)
    }

    @Test func othersAreWholeAlready() throws {
        let ref = ObjectRef(
            id: ObjectID(writer: WriterID(7), sequence: 1), encoding: .tensor, length: 1, location: .inline([0]))
        #expect(try SegmentReader(directory: "/tmp").whole(ref) == ref)
    }
}
