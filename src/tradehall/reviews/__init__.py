"""Reviews: what buyers say of what they bought, looked at by the platform, answered by the seller."""
