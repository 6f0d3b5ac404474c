import Glibc

extension StoreDirectory {
    /// A store that is still hidden after so many seconds will never be shown: its maker died.
    private static let hiddenSeconds = 60

    /// Removes the stores of this user in `parent` that nobody owns: what killed coordinators left.
    ///
    /// - Returns: the paths of what was removed.
    @discardableResult
    public static func reclaimAbandoned(in parent: String = "/dev/shm") -> [String] {
        var reclaimed: [String] = []
        for name in entries(of: parent) {
            let isHidden = name.hasPrefix(".\(prefix)")
            guard isHidden || name.hasPrefix(prefix) else { continue }
            let path = "\(parent)/\(name)"
            // Anyone may make a file of this name in /dev/shm: only our own directories are ours to remove.
            var facts = stat()
            guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == getuid() else {
                continue
            }
            if isHidden, time(nil) - facts.st_mtim.tv_sec < hiddenSeconds { continue }
            // Held while it is removed: two that start at once do not both remove it.
            guard let lock = try? FileLock("\(path)/owner.lock", .doNotBlock) else { continue }
            removeTree(path)
            withExtendedLifetime(lock) {}
            reclaimed.append(path)
        }
        return reclaimed
    }

    /// Removes a directory and the files in it; a store has no directories within.
    static func removeTree(_ path: String) {
        for name in entries(of: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// Names in a directory but `.` and `..`; none when it cannot be read.
    static func entries(of directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
