import Foundation
import Testing
import Wire

@testable import Coordinator

@Suite struct SocketFileTests {
    private let path = "/tmp/anabranch-test-\(UInt64.random(in: 0 ... .max)).sock"

    @Test func aFileWithoutAProcessGoes() {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(descriptor)
        #expect(FileManager.default.fileExists(atPath: path))
        SocketFile.removeIfAbandoned(path)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aFileThatIsListenedOnStays() throws {
        defer { unlink(path) }
        let lane = try Socket(try ZMQContext(), .pull)
        try lane.bind("ipc://\(path)")
        SocketFile.removeIfAbandoned(path)
        #expect(FileManager.default.fileExists(atPath: path))
        lane.close()
    }
}
