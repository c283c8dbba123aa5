// Package compat runs real, unmodified Duo clients against the built program: here the vendor's Go clients, Debian's
// login_duo and pam_duo and Debian's Python and Perl clients of the Auth API (driven over testdata), beside it
// (*.test.mjs) the vendor's Node clients. Only host name, keys and certificate authority are ours. The same clients
// meet the program while its disk is full, its database is lost or it is killed.
package compat
