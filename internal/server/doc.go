// Package server is the only place that wires configuration to adapters, adapters to
// flows, flows to doors and pages, and all of them to listeners.
//
//	open.go    builds everything, in order, and refuses to start on a wrong master key
//	opening.go listens while that takes its time or the database is away
//	occupy.go  one server at a time in a data folder
//	mount.go   which path goes to which group
//	handler.go what every request passes on its way there
//	groups.go  how the doors and pages of each are built
//	run.go     the configured address, certificate, redirect from port 80
//	listen.go  listeners, limits, and the way down
//	crowd.go   which requests are answered while connections are scarce
//	memory.go  small with very many waiting pages
//	sweep.go   what is done by the clock instead of by a request
package server
