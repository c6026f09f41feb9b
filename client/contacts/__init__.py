"""The address book of a phone: names for numbers, from files or typed, and who of them uses the service.

Names stay in the phone. The relay is asked for numbers only, a page at a time, within what it allows.
"""
