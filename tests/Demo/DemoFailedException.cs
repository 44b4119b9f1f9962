namespace Demo;

/// <summary>The demo cannot go on, or something did not hold. The message is one sentence for the person who runs it.</summary>
internal sealed class DemoFailedException(string message, Exception? inner = null) : Exception(message, inner);
