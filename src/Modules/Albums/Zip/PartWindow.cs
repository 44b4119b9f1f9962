namespace Albums.Zip;

/// <summary>
/// How many parts are in flight: one more after each window of them that the store took without complaint, half as many once it says that it is
/// asked for too much. So workers on any number of nodes come to share what a store gives (additive increase, multiplicative decrease).
/// </summary>
/// <param name="complaints">How often the store has said so; it only ever grows.</param>
/// <param name="least">With fewer, parts would wait for parts that nobody packs.</param>
/// <param name="most">What memory allows.</param>
internal sealed class PartWindow(Func<long> complaints, int least, int most)
{
    // Hides a usual store's latency behind the other parts.
    private const int First = 4;

    private readonly Lock state = new();
    private long heard = complaints();
    private int size = Math.Clamp(First, least, most);
    private int inFlight;
    private int taken; // since the window changed
    private int unsettled; // parts that were in flight when it was halved: what they meet says nothing about the new size
    private TaskCompletionSource? place;

    /// <summary>Waits until one more part may be in flight. One caller at a time.</summary>
    internal Task EnterAsync(CancellationToken cancellationToken)
    {
        lock (state)
        {
            if (inFlight < size)
            {
                inFlight++;
                return Task.CompletedTask;
            }

            place = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return place.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>A part is not in flight any more.</summary>
    internal void Leave()
    {
        lock (state)
        {
            inFlight--;
            Adapt();
            if (place is { } waiting && inFlight < size)
            {
                inFlight++;
                place = null;
                waiting.SetResult();
            }
        }
    }

    private void Adapt()
    {
        var before = heard;
        heard = complaints();
        if (unsettled > 0)
        {
            unsettled--;
        }
        else if (heard > before)
        {
            (size, taken, unsettled) = (Math.Max(size / 2, least), 0, inFlight);
        }
        else if (++taken >= size && size < most)
        {
            (size, taken) = (size + 1, 0);
        }
    }
}
