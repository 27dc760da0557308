// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.google.cloud.pubsub.v1.Publisher;
import com.google.cloud.pubsub.v1.Subscriber;
import org.junit.jupiter.api.Test;

/** What tests/prepare runs: then all that a run without a network needs has been fetched. */
class PreparedTest {
  @Test
  void theClientsLoad() {
    assertNotNull(Publisher.class.getName());
    assertNotNull(Subscriber.class.getName());
  }
}
