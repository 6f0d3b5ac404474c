import Foundation
import Testing

@testable import Wire

/// Key files, and who is let in.
@Suite(.timeLimit(.minutes(1))) struct KeyTests {
    private func scratch() throws -> String {
        let path = "/tmp/anabranch-keys-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test func aKeyComesBackFromItsFile() throws {
        let directory = try scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let pair = try KeyPair.generate()
        try KeyFile.write(pair, to: "\(directory)/own.key")
        try KeyFile.write(pair.publicKey, to: "\(directory)/own.pub")
        #expect(try KeyFile.readPair("\(directory)/own.key").publicKey == pair.publicKey)
        #expect(try KeyFile.readPublic("\(directory)/own.pub") == pair.publicKey)
        #expect(throws: KeyFileError.exists(path: "\(directory)/own.key")) {
            try KeyFile.write(pair, to: "\(directory)/own.key")
        }
    }

    @Test func aSecretIsNotPrinted() throws {
        let directory = try scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let pair = try KeyPair.generate()
        try KeyFile.write(pair, to: "\(directory)/own.key")
        let text = try String(contentsOfFile: "\(directory)/own.key", encoding: .utf8)
        let secret = try #require(text.split(separator: "secret-key = \"").last?.prefix(40))
        var dumped = ""
        dump(pair, to: &dumped)
        for shown in ["\(pair)", String(reflecting: pair), dumped] { #expect(!shown.contains(secret)) }
        #expect("\(pair)".contains("(secret)"))
    }

    @Test func halvesOfTwoPairsAreRefused() throws {
        let directory = try scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (one, other) = (try KeyPair.generate(), try KeyPair.generate())
        let path = "\(directory)/mixed.key"
        try KeyFile.write(one, to: path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing(one.publicKey.z85, with: other.publicKey.z85)
            .write(toFile: path, atomically: false, encoding: .utf8)
        #expect(throws: KeyFileError.halvesDiffer(path: path)) { try KeyFile.readPair(path) }
        try Data("metadata\ncurve\n    public-key = \"short\"\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: KeyFileError.noKey(path: path, what: "secret-key")) { try KeyFile.readPair(path) }
        // Whose mode is right: not what is wrong with it.
        try KeyFile.write(one.publicKey, to: "\(directory)/one.pub")
        let error = #expect(throws: KeyFileError.self) { try KeyFile.readPair("\(directory)/one.pub") }
        #expect(error.map { "\($0)" }?.contains("name the .key file, not the .pub") == true)
    }

    @Test func theDirectoryOfAllowedKeysIsReadAgainWhenItChanges() throws {
        let directory = try scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let key = try KeyPair.generate().publicKey
        var allowed = try AllowedKeys(directory: directory)
        #expect(!allowed.contains(key))
        try KeyFile.write(key, to: "\(directory)/one.pub")
        try allowed.refresh()
        #expect(allowed.contains(key))
        try FileManager.default.removeItem(atPath: directory)
        #expect(throws: KeyFileError.self) { try allowed.refresh() }
        #expect(!allowed.contains(key))
    }

    @Test func anAllowedKeyThatIsOverwrittenInPlaceCountsNoMore() throws {
        let directory = try scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (old, new) = (try KeyPair.generate().publicKey, try KeyPair.generate().publicKey)
        let path = "\(directory)/one.pub"
        try KeyFile.write(old, to: path)
        // However fresh the file is, nothing but a difference makes it be read again.
        var allowed = try AllowedKeys(directory: directory, grain: 0)
        #expect(allowed.contains(old))
        let text = try String(contentsOfFile: path, encoding: .utf8).replacing(old.z85, with: new.z85)
        try (text + "\n").write(toFile: path, atomically: false, encoding: .utf8)
        try allowed.refresh()
        #expect(allowed.contains(new) && !allowed.contains(old))
    }

    @Test func aSetTellsOfEachSocketThatCanBeRead() throws {
        let context = try ZMQContext()
        let set = try SocketSet<Int>()
        var pairs: [(Socket, Socket)] = []
        for number in 0..<3 {
            let (near, far) = (try Socket(context, .pair), try Socket(context, .pair))
            try near.bind("inproc://set-\(number)")
            try far.connect("inproc://set-\(number)")
            try set.insert(near, as: number)
            pairs.append((near, far))
        }
        let frame = Frame()
        for (near, _) in pairs { #expect(try !near.receive(into: frame)) }
        #expect(set.ready().isEmpty)
        for number in [0, 2] { try pairs[number].1.send([UInt8(number)]) }
        #expect(Set(set.ready()) == [0, 2])
        #expect(try pairs[0].0.receive(into: frame) && !pairs[0].0.receive(into: frame))
        #expect(set.ready() == [2])
        set.remove(2)
        #expect(set.ready().isEmpty)
    }
}
