"""What people are told: station messages, and of them mails and SMS."""
