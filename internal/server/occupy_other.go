//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package server

import "os"

// hold does nothing: this system has no flock.
func hold(*os.File) error { return nil }
