"""The book's own study: does the advice of ``invlab.compare`` hold?"""
