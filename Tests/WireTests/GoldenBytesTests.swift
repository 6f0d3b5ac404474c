import Foundation
import Testing
import Wire

@Suite struct GoldenBytesTests {
    @Test(arguments: GoldenFile.all)
    func swiftEncodesTheBytesOfPython(file: GoldenFile) throws {
        #expect(file.encoded() == (try file.committedBytes()))
    }

    @Test(arguments: GoldenFile.all)
    func swiftReadsWhatPythonWrote(file: GoldenFile) throws {
        #expect(try file.decodesToSample(file.committedBytes()))
    }

    @Test func everyCommittedFileIsCompared() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: GoldenFile.directory.path())
            .filter { $0.hasSuffix(".bin") }
        #expect(Set(files) == Set(GoldenFile.all.map { "\($0.name).bin" }))
    }
}
