import Foundation
import Testing

@testable import ObjectStore

@Suite struct TensorHeaderTests {
    private func decode(_ bytes: [UInt8]) throws -> TensorHeader {
        try bytes.withUnsafeBytes { try TensorHeader(decoding: $0) }
    }

    private func encode(_ header: TensorHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xAA, count: header.length + header.byteCount)
        bytes.withUnsafeMutableBytes { header.encode(into: $0) }
        return bytes
    }

    /// The same file is compared with what Python writes.
    @Test func theBytesAreThoseOfPython() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/tensors.txt")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count > 60)
        for line in lines {
            let fields = line.split(separator: " ")
            let shape = fields[2] == "-" ? [] : fields[2].split(separator: ",").compactMap { Int($0) }
            let bytes = stride(from: 0, to: fields[3].count, by: 2).compactMap { start in
                let digits = fields[3].dropFirst(start).prefix(2)
                return UInt8(digits, radix: 16)
            }
            let header = try decode(bytes)
            #expect("\(header.dtype)" == fields[0])
            #expect(header.order == (fields[1] == "F" ? .fortran : .c))
            #expect(header.shape == shape)
            #expect(encode(header).prefix(header.length) == bytes.prefix(header.length))
            #expect(bytes.count == header.length + header.byteCount)
        }
    }

    @Test func truncatedHeadersAreRefused() throws {
        let good = encode(try TensorHeader(dtype: .float64, shape: [2, 3]))
        #expect(try decode(good).shape == [2, 3])
        for count in 0..<good.count {
            #expect(throws: TensorFormatError.self) { try decode(Array(good.prefix(count))) }
        }
        #expect(throws: TensorFormatError.self) { try decode(good + [0]) }
    }

    @Test(arguments: [(0, 0x58), (4, 2), (5, 0), (5, 12), (6, 2), (7, 33), (7, 255), (7, 9)] as [(Int, UInt8)])
    func wrongFieldsAreRefused(place: Int, value: UInt8) throws {
        var bytes = encode(try TensorHeader(dtype: .float64, shape: [2, 3]))
        bytes[place] = value
        #expect(throws: TensorFormatError.self) { try decode(bytes) }
    }

    @Test(
        arguments: [
            [1 << 63, 2], [1 << 32, 1 << 32], [0, 6], [.max, 1], [1 << 61, 8], [0, 1 << 63], [6, 1 << 60],
        ] as [[UInt64]])
    func shapesOutOfRangeAreRefused(shape: [UInt64]) throws {
        var bytes = encode(try TensorHeader(dtype: .float64, shape: [2, 3]))
        for (index, length) in shape.enumerated() {
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: length.littleEndian, toByteOffset: 8 + 8 * index, as: UInt64.self)
            }
        }
        #expect(throws: TensorFormatError.self) { try decode(bytes) }
    }

    @Test func anyBytesAreDecodedOrRefused() {
        var generator = SeededGenerator(seed: 1)
        var decoded = 0
        for _ in 0..<20_000 {
            var bytes: [UInt8] = Array("ABTN".utf8) + [1]
            for _ in 0..<Int.random(in: 0...200, using: &generator) {
                bytes.append(Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...20, using: &generator))
            }
            if (try? decode(bytes)) != nil { decoded += 1 }
        }
        #expect(decoded < 20_000)
    }

    @Test func impossibleShapesCannotBeWritten() {
        #expect(throws: TensorFormatError.self) { try TensorHeader(dtype: .int8, shape: [-1]) }
        #expect(throws: TensorFormatError.self) { try TensorHeader(dtype: .int8, shape: [.max, 2]) }
        #expect(throws: TensorFormatError.self) {
            try TensorHeader(dtype: .int8, shape: Array(repeating: 1, count: 33))
        }
    }
}
