package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// smallHeap is the memory, in bytes, below which the garbage collector is left to itself.
const smallHeap = 256 << 20

// limitMemory keeps a server with very many waiting pages small. The collector lets garbage double what
// is in use, but most of that just waits: beyond smallHeap the soft limit is what is in use and a
// sixth. With release set, memory that stayed behind after a rush of visitors goes back to the
// system. An operator's own GOMEMLIMIT wins.
func limitMemory(release bool) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	read := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(read)
	bytes := make([]uint64, len(read))
	for i, s := range read {
		if s.Value.Kind() == metrics.KindUint64 {
			bytes[i] = s.Value.Uint64()
		}
	}
	used, held := bytes[0]+bytes[1], bytes[2]-bytes[3]
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a small heap is collected often for little; the limit below bounds a large one
	}
	debug.SetMemoryLimit(max(smallHeap, int64(used+used/6)))
	// A connection keeps the stack its TLS handshake grew until a collection or two have halved it.
	if release && bytes[4] > 2000 && bytes[1]/bytes[4] > 9<<10 {
		runtime.GC()
	}
	if release && held > smallHeap && held > used+used/8 {
		debug.FreeOSMemory()
	}
}
