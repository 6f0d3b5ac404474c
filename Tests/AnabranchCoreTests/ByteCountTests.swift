import AnabranchCore
import Testing

@Suite struct ByteCountTests {
    @Test(
        arguments: [
            ("1048576", 1 << 20), ("64M", 64 << 20), ("2g", 2 << 30), ("1K", 1024), ("0", nil), ("", nil), ("M", nil),
            ("-1", nil), ("1.5G", nil), ("17179869184G", nil), ("5T", nil),
        ] as [(String, UInt64?)])
    func isReadAsPeopleWriteIt(text: String, bytes: UInt64?) {
        #expect(ByteCount(parsing: text)?.bytes == bytes)
    }

    @Test(arguments: [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")])
    func isShownInTenths(bytes: Int, text: String) { #expect("\(ByteCount(bytes))" == text) }
}
