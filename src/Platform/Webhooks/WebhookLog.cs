using System.Collections.Immutable;
using Platform.Events;

namespace Platform.Webhooks;

// Stream webhook-{subject}, such as webhook-album-0198…. These shapes are the storage format: add members, never rename or remove one.

internal interface IWebhookEvent;

/// <summary>One attempt to deliver a message.</summary>
/// <param name="Status">What the receiver answered; <see langword="null"/> where it did not.</param>
/// <param name="Error">Why there is no answer.</param>
/// <param name="IsFinal">Asking again is no use.</param>
internal sealed record WebhookAttempted(
    string MessageId, string Type, int? Status, string? Error, bool IsFinal, double Seconds, DateTimeOffset At) : IWebhookEvent
{
    internal bool IsDelivered() => Status is >= 200 and <= 299;
}

/// <summary>All attempts failed.</summary>
internal sealed record WebhookGivenUp(string MessageId, DateTimeOffset At) : IWebhookEvent;

/// <summary>Somebody wants the message to be sent again.</summary>
internal sealed record WebhookRedeliveryRequested(string MessageId, string By, DateTimeOffset At) : IWebhookEvent;

public enum WebhookStatus
{
    /// <summary>To be tried, or tried again.</summary>
    Pending,
    Delivered,
    Failed,
}

/// <summary>What became of a message.</summary>
/// <param name="LastAnswer">HTTP status of the last answer.</param>
/// <param name="LastError">Where there was no answer.</param>
public sealed record WebhookDelivery(
    string WebhookId, string? Type, WebhookStatus Status, int Attempts, int? LastAnswer, string? LastError, DateTimeOffset? LastAttemptAt);

/// <summary>The messages about one subject and what became of them, the oldest first; of very many the last.</summary>
internal sealed record WebhookLog : IState<WebhookLog, IWebhookEvent>
{
    // Progress of many hours is thousands of messages. What they led to stands at the end.
    private const int MostMessages = 200;

    public static string Category => "webhook";

    public static WebhookLog Initial { get; } = new();

    public ImmutableList<WebhookDelivery> Messages { get; private init; } = [];

    public static WebhookLog Evolve(WebhookLog state, IWebhookEvent e) => e switch
    {
        WebhookAttempted attempt => state.With(attempt.MessageId, message => message with
        {
            Type = attempt.Type,
            Status = attempt.IsDelivered() ? WebhookStatus.Delivered : attempt.IsFinal ? WebhookStatus.Failed : WebhookStatus.Pending,
            Attempts = message.Attempts + 1,
            LastAnswer = attempt.Status,
            LastError = attempt.Error,
            LastAttemptAt = attempt.At,
        }),
        WebhookGivenUp givenUp => state.With(givenUp.MessageId, message => message with { Status = WebhookStatus.Failed }),
        WebhookRedeliveryRequested wanted => state.With(wanted.MessageId, message => message with { Status = WebhookStatus.Pending }),
        _ => state,
    };

    internal WebhookDelivery? Find(string messageId) => Messages.FindLast(message => message.WebhookId == messageId);

    private WebhookLog With(string messageId, Func<WebhookDelivery, WebhookDelivery> change)
    {
        var at = Messages.FindLastIndex(message => message.WebhookId == messageId);
        var changed = change(at < 0 ? new WebhookDelivery(messageId, null, WebhookStatus.Pending, 0, null, null, null) : Messages[at]);
        var messages = at < 0 ? Messages.Add(changed) : Messages.SetItem(at, changed);
        return this with { Messages = messages.Count > MostMessages ? messages.RemoveAt(0) : messages };
    }
}
