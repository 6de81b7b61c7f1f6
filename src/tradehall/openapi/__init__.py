"""The open APIs that sellers' programs call, signed with AK and SK, at the addresses they know from the cloud."""
