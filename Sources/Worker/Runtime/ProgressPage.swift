import AnabranchCore
import CProcess
import Foundation
import Wire

/// Eight bytes that a runtime shares with its worker: the task that it began last.
///
/// Runtimes keep answers of short tasks back, so messages alone do not tell which task is running when one turns out to be long
/// or ends the process. Read by the worker's loop thread; written by the runtime with one store.
final class ProgressPage {
    private static let bytes = 8

    /// For the child; closed by `closeFile` once it has started.
    private(set) var file: Int32
    private let page: UnsafeMutableRawPointer

    init() throws(WireError) {
        file = anabranch_memory_file(Self.bytes)
        let mapped = file < 0 ? MAP_FAILED : mmap(nil, Self.bytes, PROT_READ, MAP_SHARED, file, 0)
        guard let mapped, mapped != MAP_FAILED else {
            let reason = String(cString: strerror(errno))
            if file >= 0 { close(file) }
            throw WireError.system(operation: "share a page with a runtime", reason: reason)
        }
        page = mapped
    }

    deinit {
        closeFile()
        munmap(page, Self.bytes)
    }

    func closeFile() {
        if file >= 0 { close(file) }
        file = -1
    }

    /// Nil before the first task.
    var running: TaskID? {
        let raw = page.load(as: UInt64.self)
        return raw == 0 ? nil : TaskID(raw)
    }
}
