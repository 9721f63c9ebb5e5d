"""Notifications about jobs: who is owed which, kept until each was delivered or given up."""
