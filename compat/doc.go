// Package compat runs real, unmodified Duo clients against the built program: here the vendor's Go clients, Debian's
// login_duo and pam_duo and Debian's Python and Perl clients of the Auth API (driven over testdata), beside it
// (*.test.mjs) the vendor's Node clients. Only host name, keys and certificate authority are ours. The same clients
// meet the program while its disk is full, its database is lost, it is killed, or others hold all the connections that they
// can get (flood). COUNTERSIGN_TEST_LONG=1 makes that flood as large as a machine can, for some minutes:
//
//	COUNTERSIGN_TEST_LONG=1 go test ./compat -run TestAFlood -v -timeout 20m
package compat
