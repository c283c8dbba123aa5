package listener

const (
	mostPlaces = 20_000 // all taken by TLS connections, they need about a gigabyte of memory
	mostFiles  = 1000   // are left for everything else
)

// Places returns how many connections a process may hold that may open so many files; 0 is for a process without a limit. An
// eighth of the files, at most mostFiles, is left for the database, the log and outgoing calls.
func Places(files uint64) int {
	if files == 0 {
		return mostPlaces
	}
	return int(max(1, min(mostPlaces, files-min(files/8, mostFiles))))
}
